"""Another w for the same pictures: the last thing before packing, so that what holds w does not hold decisions.

w is defined up to a linear map. That of the third round steps where the drawing changes (assign.py), by lengths of 2 to 6; within a class it
varies by about 4 in all. An edit that `keep latent` holds near its first w stops before such a step, and a sweep with it needs thousands of evaluations.
Here w is turned so that the directions along which classes step are axes, and those axes are shortened until steps have a spread of at most STEP;
the styles of the synthesis network read the longer w again, so pictures are the same to rounding, and truncation, mixing
and interpolation of w as well. Axes rather than a general matrix: each column of a style's weights has a scale of its own, and float16 keeps it.

The mapping ends with an activation, so a linear map takes two layers more: lrelu(-A w), and then -5 I: lrelu(-5 lrelu(-x)) = x.
"""
import math
import torch
import model as M

STEP = 0.1  # standard deviation of what classes add to w along an axis, at most
ROWS = 30000


@torch.no_grad()
def axes(mapping):
    """(rotation [64, 64], scales [64]) by a linear fit of w to the classes of what is drawn."""
    from assign import Decider, one_hot
    decider = Decider()
    w = mapping(torch.randn(ROWS, M.W_DIM, generator=torch.Generator().manual_seed(9)))
    ones = one_hot(decider.classes(w)[0])
    x, y = ones - ones.mean(0), w - w.mean(0)
    step = x @ torch.linalg.solve(x.T @ x + 20 * torch.eye(x.shape[1]), x.T @ y)
    values, vectors = torch.linalg.eigh(step.T @ step / len(step))
    return vectors.T, (STEP / values.clamp(min=1e-9).sqrt()).clamp(max=1)


def with_layers(mapping, matrix):
    """The mapping followed by a linear map."""
    state, n = dict(mapping.state_dict()), mapping.layers
    gain = math.sqrt(M.W_DIM) / mapping.multiplier / math.sqrt(2)
    for i, weight in enumerate((-matrix, -5 * torch.eye(M.W_DIM))):
        state[f'fc{n + i}.weight'] = weight * gain
        state[f'fc{n + i}.bias'] = torch.zeros(M.W_DIM)
    state['w_avg'] = matrix @ mapping.w_avg
    return M.Mapping.of(state)


@torch.no_grad()
def turn(synthesis, mapping):
    """(synthesis, mapping) of the turned w. The matrix is rounded as it is stored, and the styles undo what is stored."""
    rotation, scales = axes(mapping)
    stored = with_layers(mapping, scales[:, None] * rotation)
    layer = getattr(stored, f'fc{mapping.layers}')
    layer.weight.copy_(layer.weight.half().float())
    matrix = -layer.weight * (mapping.multiplier / math.sqrt(M.W_DIM)) * math.sqrt(2)
    stored.w_avg.copy_(matrix @ mapping.w_avg)
    back = torch.linalg.inv(matrix.double()).float()
    for module in synthesis.modules():
        if isinstance(module, M.Affine):
            module.weight.copy_(module.weight @ back)
    return synthesis, stored
