"""The labeller against the eye: pictures of the generator that were looked at twice (test/fixtures/eye), none of which took part in training.

    python3 eye.py            prints the tables of README.md

A part is sure where both looks say the same; where they differ, or either says so, it is unclear.
"""
import json, os
import numpy as np
import torch
from PIL import Image
import model as M
from blend import UNCLEAR
from labeller import load_labeller

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'test', 'fixtures', 'eye')


def pictures(path, count, columns=20, size=128):
    """[count, 3, 128, 128] in [-1, 1], from a sheet in reading order"""
    sheet = np.array(Image.open(path).convert('RGB'))
    cells = sheet.reshape(-1, size, columns, size, 3).transpose(0, 2, 1, 3, 4).reshape(-1, size, size, 3)
    return M.to_tensor(cells[:count])


def agreed(looks, part):
    """What both looks say of a part; 'unclear' where they do not agree. 'hidden' counts as no answer."""
    first, second = (look[part] for look in looks)
    return first if first == second else 'unclear'


def table(rows):
    """Markdown tables of a list of {looks, says, unclear} of pictures, with says and unclear by part."""
    lines = ['| part | eye is sure | same class | called clear | of those right | eye is unclear | called unclear |', '|---|---|---|---|---|---|---|']
    for part in UNCLEAR:
        eye = [agreed(row['looks'], part) for row in rows]
        sure = [i for i, e in enumerate(eye) if e not in ('unclear', 'hidden')]
        right = [i for i in sure if rows[i]['says'][part] == eye[i]]
        clear = [i for i in sure if not rows[i]['unclear'][part]]
        doubt = [i for i, e in enumerate(eye) if e == 'unclear']
        share = lambda some, of: f'{len(some) / len(of):.3f}' if of else '-'
        lines.append(f"| {part} | {len(sure)} | {share(right, sure)} | {share(clear, sure)} | {share([i for i in clear if i in right], clear)} | "
                     f"{len(doubt)} | {share([i for i in doubt if rows[i]['unclear'][part]], doubt)} |")
    lines += ['', '| picture, by both looks | pictures | some part called unclear |', '|---|---|---|']
    for quality in ('fine', 'soft', 'chimera', 'unclear'):
        some = [row for row in rows if agreed(row['looks'], 'quality') == quality]
        if some:
            name = 'looks differ' if quality == 'unclear' else quality
            lines.append(f"| {name} | {len(some)} | {np.mean([any(row['unclear'].values()) for row in some]):.3f} |")
    lines += ['', '| eye \\ labeller | ' + ' | '.join([*M.HAIR, 'unclear']) + ' |', '|---' * 7 + '|']
    for e in [*M.HAIR, 'unclear']:
        said = ['unclear' if row['unclear']['hair'] else row['says']['hair'] for row in rows if agreed(row['looks'], 'hair') == e]
        lines.append(f"| {e} | " + ' | '.join(str(said.count(s)) for s in [*M.HAIR, 'unclear']) + ' |')
    return '\n'.join(lines)


def main():
    torch.set_num_threads(1)
    net, rows = load_labeller(), []
    for sheet in json.load(open(f'{FOLDER}/eye.json'))['sheets']:
        with torch.no_grad():
            logits, features = net(pictures(f"{FOLDER}/{sheet['file']}", len(sheet['pictures'])))
        unclear = net.unclear(features) > 0
        for k, picture in enumerate(sheet['pictures']):
            says = {part: int(logits[k, M.SLICES[part]].argmax()) for part in UNCLEAR}
            names = {part: M.HAIR[c] if part == 'hair' else ('no', 'yes')[c] for part, c in says.items()}
            rows.append({'looks': picture['looks'], 'says': names, 'unclear': {part: bool(unclear[k, i]) for i, part in enumerate(UNCLEAR)}})
        print(f"{sheet['of']}\n\n{table(rows[-len(sheet['pictures']):])}\n")


if __name__ == '__main__':
    main()
