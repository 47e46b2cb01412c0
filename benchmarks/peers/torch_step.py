#!/usr/bin/env python3
"""One training step in PyTorch of what `genoform bench` times: dense or multi-dconv attention and squared-ReLU FFN, RMSNorm, rotary positions,
tied embedding, gradient clipping, fused AdamW, random tokens. Prints one line of JSON.

  taskset -c 1 torch_step.py --layers 4 --width 128 --heads 4 --dconv 3 --context 64 --batch 12 [--attention explicit] [--compile]"""
import argparse
import json
import os
import time


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in dict(layers=4, width=128, heads=4, dconv=0, context=64, batch=12, vocab=256, threads=1, steps=40, warmup=6).items():
        p.add_argument(f"--{name}", type=int, default=value)
    p.add_argument("--attention", choices=["sdpa", "explicit"], default="sdpa", help="explicit: two batched products and a masked softmax")
    p.add_argument("--compile", action="store_true")
    return p.parse_args()


a = arguments()
os.environ["OMP_NUM_THREADS"] = str(a.threads)
import torch  # noqa: E402  (after the number of threads is set)
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

torch.set_num_threads(a.threads)
torch.manual_seed(1)
D, H, T = a.width, a.heads, a.context
K = D // H


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, D, bias=False)
        if a.dconv:
            taps = torch.full((a.dconv, 3 * D), 0.5 / a.dconv)
            taps[0] = 0.5
            self.dconv = nn.Parameter(taps)
        angle = torch.arange(T)[:, None] * 10000 ** (-torch.arange(0, K, 2) / K)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())
        self.register_buffer("later", torch.ones(T, T, dtype=torch.bool).triu(1))

    def rotate(self, x):
        u, v = x.chunk(2, -1)
        return torch.cat([u * self.cos - v * self.sin, u * self.sin + v * self.cos], -1)

    def forward(self, x):
        y = self.qkv(x)
        if a.dconv:  # shifted multiplies: the fastest form of a short depthwise convolution in PyTorch
            z = F.pad(y, (0, 0, a.dconv - 1, 0))
            y = sum(z[:, a.dconv - 1 - i:a.dconv - 1 - i + T] * self.dconv[i] for i in range(a.dconv))
        q, k, v = (t.view(-1, T, H, K).transpose(1, 2) for t in y.split(D, 2))
        q, k = self.rotate(q), self.rotate(k)
        if a.attention == "sdpa":
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mixed = ((q @ k.transpose(-2, -1)) * K ** -0.5).masked_fill(self.later, float("-inf")).softmax(-1) @ v
        return self.out(mixed.transpose(1, 2).reshape(-1, T, D))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(D, 4 * D, bias=False), nn.Linear(4 * D, D, bias=False)

    def forward(self, x):
        return self.down(F.relu(self.up(x)).square())


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(a.vocab, D)
        self.layers = nn.ModuleList(layer() for _ in range(a.layers) for layer in (Attention, FeedForward))
        self.norms = nn.ModuleList(nn.RMSNorm(D, 1e-6) for _ in self.layers)
        self.norm = nn.RMSNorm(D, 1e-6)

    def forward(self, tokens, targets):
        x = self.embedding(tokens)
        for norm, layer in zip(self.norms, self.layers):
            x = x + layer(norm(x))
        return F.cross_entropy(F.linear(self.norm(x), self.embedding.weight).view(-1, a.vocab), targets.reshape(-1))


def main():
    model = Decoder()
    step_model = torch.compile(model) if a.compile else model
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW(weights, lr=1e-3, betas=(0.9, 0.95), fused=True)
    data = [torch.randint(a.vocab, (a.batch, T + 1)) for _ in range(8)]

    def step(i):
        tokens = data[i % 8]
        loss = step_model(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    for i in range(a.warmup):
        step(i)
    times = []
    for i in range(a.steps):
        begin = time.perf_counter()
        step(i)
        times.append(time.perf_counter() - begin)
    times.sort()
    n = sum(w.numel() for w in weights)
    flop = (6 * n + 12 * a.layers * D * T) * a.batch * T
    print(json.dumps(dict(best_ms=round(times[0] * 1e3, 3), median_ms=round(times[len(times) // 2] * 1e3, 3),
                          tokens_per_second=round(a.batch * T / times[0]), gflops=round(flop / times[0] * 1e-9, 1), parameters=n,
                          torch=torch.__version__)))


if __name__ == "__main__":
    main()
