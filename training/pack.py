"""Writes models/avatar.safetensors (float16) and test/fixtures/avatar.expected.safetensors (float32).

    python3 pack.py

Takes what is there under /tmp/avatar: ae.pt (synthesis), mapping.pt, heads.pt, and models/avatar-labeller.onnx; what is
missing there stays as it ships. What render.py made goes before all that was made earlier, and its w is turned (turn.py).
"""
import hashlib, json, os, struct
import numpy as np
import torch
import model as M
from heads_model import Heads
from shipped import notes_of, part, read_pack

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
TYPES = {np.dtype(np.float16): 'F16', np.dtype(np.float32): 'F32'}


def write_safetensors(path, tensors, metadata=None):
    header, data, at = {}, [], 0
    if metadata:
        header['__metadata__'] = metadata
    for name, value in tensors.items():
        value = np.ascontiguousarray(value)
        header[name] = {'dtype': TYPES[value.dtype], 'shape': list(value.shape), 'data_offsets': [at, at + value.nbytes]}
        data.append(value.tobytes())
        at += value.nbytes
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path + '.tmp', 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text)
        for part in data:
            f.write(part)
    os.replace(path + '.tmp', path)


def load(decided=True, rendered=True):
    """(synthesis, mapping, heads, notes of heads): what is under /tmp/avatar, else as shipped in models/; the mapping of decide.py, if there is one and it is wanted."""
    synthesis, heads = M.Synthesis(), Heads()
    tensors, lace = read_pack()
    synthesis.load_state_dict(M.widened(part(tensors, 'synthesis.')))
    mapping = M.Mapping.of(part(tensors, 'mapping.'))
    heads.load_state_dict(part(tensors, 'heads.'))
    notes = notes_of(lace)
    if os.path.exists(f'{M.DATA}/ae.pt'):
        synthesis.load_state_dict(M.widened(part(torch.load(f'{M.DATA}/ae.pt')['average'], 'synthesis.')))
    if os.path.exists(f'{M.DATA}/mapping.pt'):
        mapping = M.Mapping.of(torch.load(f'{M.DATA}/mapping.pt'))
    if os.path.exists(f'{M.DATA}/adversarial.pt'):
        state = torch.load(f'{M.DATA}/adversarial.pt')
        synthesis.load_state_dict(M.widened(state['average']))
        mapping = M.Mapping.of(state['mapping'])
    if decided and os.path.exists(f'{M.DATA}/decided.pt'):
        mapping = M.Mapping.of(torch.load(f'{M.DATA}/decided.pt'))
    if decided and rendered and os.path.exists(f'{M.DATA}/render.pt'):
        state = torch.load(f'{M.DATA}/render.pt')
        synthesis.load_state_dict(M.widened(state['average']))
        mapping = M.Mapping.of(state['mapping'])
    if os.path.exists(f'{M.DATA}/heads.pt'):
        state = torch.load(f'{M.DATA}/heads.pt')
        heads.load_state_dict(state['heads'])
        notes = state['notes']
    return synthesis.eval(), mapping.eval(), heads.eval(), notes


def load_witnesses():
    """Tensors of the witnesses of the heads that `load` gives; {} where those have none."""
    path = f'{M.DATA}/heads.pt'
    return torch.load(path).get('witnesses', {}) if os.path.exists(path) else part(read_pack()[0], 'witnesses.')


if __name__ == '__main__':
    synthesis, mapping, heads, notes = load()
    if os.path.exists(f'{M.DATA}/render.pt'):
        from turn import turn
        synthesis, mapping = turn(synthesis, mapping)
    parts = {'mapping': mapping, 'synthesis': synthesis, 'heads': heads}
    for net in parts.values():  # what is stored is what is computed with below
        for value in net.state_dict().values():
            value.copy_(value.half().float())
    tensors = {f'{prefix}.{name}': value.numpy().astype(np.float16) for prefix, net in parts.items() for name, value in net.state_dict().items()}
    tensors.update({f'witnesses.{name}': value.numpy().astype(np.float16) for name, value in load_witnesses().items()})
    assert all(np.isfinite(v).all() for v in tensors.values())
    attributes = []
    for name in M.NAMES:
        note = notes.get(name, {})
        entry = {'name': name, 'type': M.KINDS[name], 'space': note.get('space', 'w')}
        if name == 'hair':
            entry['classes'] = M.HAIR
        if M.KINDS[name] == 'scalar':
            entry.update(min=0, max=1, sigma=note.get('sigma', 0.1))
        else:
            entry['temperature'] = note.get('temperature', 1)
        entry['validation'] = note.get('validation', {})
        entry.update({key: note[key] for key in ('skill', 'labelledBy', 'calibratedBy', 'witness', 'residuals') if key in note})
        attributes.append(entry)
    lace = {
        'format': 1, 'name': 'avatar', 'architecture': 'stylegan2', 'zDim': M.W_DIM, 'wDim': M.W_DIM,
        'numWs': 2 * len(M.CHANNELS), 'resolution': M.RESOLUTION, 'imageChannels': 3,
        'mapping': {'layers': mapping.layers, 'lrMultiplier': mapping.multiplier, 'normalize': True},
        'synthesis': {'style': 'skip', 'firKernel': [1, 3, 3, 1]},
        'attributes': attributes,
        'layerGroups': {'coarse': [0, 3], 'middle': [4, 7], 'fine': [8, 11]},
        'licence': 'MIT (weights). Trained on drawings made with @dicebear/avataaars 9.4.3: design by Pablo Stanley (avataaars.com), free for personal and commercial use; code MIT, Florian Körner.',
        'source': 'Trained from nothing by the scripts in training/ on 60,000 drawings composed of avataaars parts, and on 59,000, 43,000 and then 59,000 drawings named for as many z by nets that read drawings; no attribute is an input of the generator.',
    }
    labeller = f'{ROOT}/models/avatar-labeller.onnx'
    if os.path.exists(labeller):
        lace['labeller'] = {'file': 'avatar-labeller.onnx', 'sha256': hashlib.sha256(open(labeller, 'rb').read()).hexdigest()}
    path = f'{ROOT}/models/avatar.safetensors'
    write_safetensors(path, tensors, {'lace': json.dumps(lace, ensure_ascii=False)})

    with torch.no_grad():
        z = torch.randn(4, M.W_DIM, generator=torch.Generator().manual_seed(1234))
        w, truncated = mapping(z), mapping(z, 0.7)
        image, logits = synthesis(truncated), heads(z if any(a['space'] == 'z' for a in attributes) else truncated)
    expected = {'z': z, 'w': w, 'w_trunc0.7': truncated, 'img': image, 'logits': logits}
    expected = {k: v.numpy().astype(np.float32) for k, v in expected.items()}
    write_safetensors(f'{ROOT}/test/fixtures/avatar.expected.safetensors', expected)
    for f in (path, f'{ROOT}/test/fixtures/avatar.expected.safetensors'):
        print(f, os.path.getsize(f), 'bytes')
