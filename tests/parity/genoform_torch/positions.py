"""Where a token stands: rotation, tables of biases, and what a model adds to its input."""

import math

import torch


def rotate(x):
    """Rope on x [B, heads, T, K]: channels i and i + K/2 turn by the angle t * 10000^(-2i/K)."""
    half = x.shape[-1] // 2
    position = torch.arange(x.shape[-2], dtype=x.dtype)
    frequency = 10000.0 ** (-torch.arange(half, dtype=x.dtype) / half)
    angle = torch.outer(position, frequency)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1)


def sinusoid(positions, width, dtype):
    """[T, D]: the sine of t * 10000^(-i/(D/2)) in channel i, its cosine in channel D/2 + i."""
    half = width // 2
    frequency = 10000.0 ** (-torch.arange(half, dtype=dtype) / half)
    angle = torch.outer(torch.arange(positions, dtype=dtype), frequency)
    return torch.cat([angle.sin(), angle.cos()], -1)


def bucket(n, buckets, distance):
    """T5's bucket of a distance n, one direction: min(b - 1, h + floor(log(n/h) / log(m/h) * (b - h))), h = b/2, from n = h on.

    In integers, because the floor is that of the exact value: it is the largest j with (m/h)^j <= (n/h)^(b - h).
    """
    half = buckets // 2
    if n < half:
        return n
    steps, j = buckets - half, 0
    while j < steps and distance ** (j + 1) * half ** steps <= n ** steps * half ** (j + 1):
        j += 1
    return min(buckets - 1, half + j)


def bias_of_distance(table, positions, buckets, distance):
    """Table [H, buckets] -> [H, T, T], what is added to the score of query t and key s."""
    index = torch.tensor([bucket(n, buckets, distance) for n in range(positions)])
    t = torch.arange(positions)
    return table[:, index][:, (t[:, None] - t[None, :]).clamp(min=0)]


def visible(positions, window=0):
    """[T, T]: position t sees t-w+1 .. t, all the past when w is 0."""
    t = torch.arange(positions)
    distance = t[:, None] - t[None, :]
    return (distance >= 0) & (distance < (window or math.inf))
