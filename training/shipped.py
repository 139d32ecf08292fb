"""The pack and the labeller as they ship in models/, read back for more training and for evaluation."""
import json, os, struct
import numpy as np
import torch

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'models')
TYPES = {'F16': np.float16, 'F32': np.float32}


def read_pack(path=f'{MODELS}/avatar.safetensors'):
    """(tensors by name, metadata `lace`)"""
    data = open(path, 'rb').read()
    size, = struct.unpack('<Q', data[:8])
    header = json.loads(data[8:8 + size])
    lace = json.loads(header.pop('__metadata__')['lace'])
    tensors = {}
    for name, entry in header.items():
        a, b = entry['data_offsets']
        value = np.frombuffer(data[8 + size + a:8 + size + b], TYPES[entry['dtype']]).astype(np.float32)
        tensors[name] = torch.from_numpy(value.reshape(entry['shape']))
    return tensors, lace


def part(tensors, prefix):
    return {name[len(prefix):]: value for name, value in tensors.items() if name.startswith(prefix)}


# Of a row of the metadata: calibration, figures on rows held out, who labelled or calibrated, and the same of the second head.
NOTES = ('temperature', 'sigma', 'validation', 'skill', 'labelledBy', 'calibratedBy', 'witness', 'residuals', 'space')


def notes_of(lace):
    """What heads.py keeps of each head, from the metadata."""
    return {a['name']: {k: a[k] for k in NOTES if k in a} for a in lace['attributes']}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """(number, value) of each field of a protocol buffer message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = {1: (8, at), 5: (4, at)}.get(tag & 7) or varint(data, at)
            value, at = data[at:at + size], at + size
        yield tag >> 3, value


def read_onnx_weights(path=f'{MODELS}/avatar-labeller.onnx'):
    """float32 initializers by name, in their order in the file"""
    graph = next(v for number, v in fields(open(path, 'rb').read()) if number == 7)
    weights = {}
    for number, message in fields(graph):
        if number != 5:
            continue
        entry, dims = {}, []
        for key, value in fields(message):
            dims.append(value) if key == 1 else entry.__setitem__(key, value)
        weights[entry[8].decode()] = torch.from_numpy(np.frombuffer(entry[9], np.float32).reshape(dims).copy())
    return weights
