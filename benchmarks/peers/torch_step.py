#!/usr/bin/env python3
"""One training step in PyTorch of what `genoform bench` times: dense or multi-dconv attention, squared-ReLU or GELU FFN, sparse in every other block when
asked, RMSNorm, rotary positions, tied embedding, gradient clipping, fused AdamW, random tokens. Prints one line of JSON.

  taskset -c 1 torch_step.py --layers 4 --width 128 --heads 4 --dconv 3 --context 64 --batch 12 [--attention explicit] [--dtype bf16] [--compile]"""
import argparse
import contextlib
import json
import os
import time


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in dict(layers=4, width=128, heads=4, dconv=0, context=64, batch=12, vocab=256, threads=1, steps=40, warmup=6).items():
        p.add_argument(f"--{name}", type=int, default=value)
    p.add_argument("--seconds", type=float, default=0, help="go on for at least so long")
    p.add_argument("--dtype", choices=["f32", "bf16"], default="f32", help="bf16: autocast, which is what a user gets")
    p.add_argument("--activation", choices=["relu2", "gelu"], default="relu2")
    p.add_argument("--moe", type=int, default=0, help="so many experts in the FFN of every other block")
    p.add_argument("--router", choices=["top2", "expert-choice"], default="top2", help="top2: nothing dropped; expert-choice: the arithmetic of a dense FFN")
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


def resident_bytes(key):
    """A figure of this process: VmRSS, its resident memory, or VmHWM, the maximum of it."""
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(key + ":"))


def forget_peak():
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


def activate(x):
    return F.relu(x).square() if a.activation == "relu2" else F.gelu(x)


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
        cos, sin = self.cos.to(x.dtype), self.sin.to(x.dtype)
        return torch.cat([u * cos - v * sin, u * sin + v * cos], -1)

    def forward(self, x):
        y = self.qkv(x)
        if a.dconv:  # shifted multiplies: the fastest form of a short depthwise convolution in PyTorch
            taps = self.dconv.to(y.dtype)
            z = F.pad(y, (0, 0, a.dconv - 1, 0))
            y = sum(z[:, a.dconv - 1 - i:a.dconv - 1 - i + T] * taps[i] for i in range(a.dconv))
        q, k, v = (t.view(-1, T, H, K).transpose(1, 2) for t in y.split(D, 2))
        q, k = self.rotate(q), self.rotate(k)
        if a.attention == "sdpa":
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = ((q @ k.transpose(-2, -1)) * K ** -0.5).masked_fill(self.later, float("-inf"))
            mixed = scores.softmax(-1).to(v.dtype) @ v
        return self.out(mixed.transpose(1, 2).reshape(-1, T, D))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(D, 4 * D, bias=False), nn.Linear(4 * D, D, bias=False)

    def forward(self, x):
        return self.down(activate(self.up(x)))


class SparseFeedForward(nn.Module):
    """Experts as one batched product if each has the same number of tokens, else one after the other."""

    def __init__(self):
        super().__init__()
        self.router = nn.Linear(D, a.moe, bias=False)
        self.up = nn.Parameter(torch.randn(a.moe, D, 4 * D) * D ** -0.5)
        self.down = nn.Parameter(torch.randn(a.moe, 4 * D, D) * (4 * D) ** -0.5)

    def forward(self, x):
        rows = x.reshape(-1, D)
        p = self.router(rows).float().softmax(-1)
        y = self.by_experts(rows, p) if a.router == "expert-choice" else self.by_tokens(rows, p)
        return y.view(x.shape)

    def by_experts(self, rows, p):
        weight, token = p.t().topk(len(rows) // a.moe, dim=-1)
        y = torch.bmm(activate(torch.bmm(rows.index_select(0, token.reshape(-1)).view(a.moe, -1, D), self.up)), self.down)
        y = (y * weight[..., None].to(y.dtype)).reshape(-1, D)
        return torch.zeros(len(rows), D, dtype=y.dtype).index_add_(0, token.reshape(-1), y)

    def by_tokens(self, rows, p):
        weight, expert = p.topk(2, dim=-1)
        weight = weight / weight.sum(-1, keepdim=True)
        y = None
        for e in range(a.moe):
            token, choice = (expert == e).nonzero(as_tuple=True)
            out = activate(rows[token] @ self.up[e]) @ self.down[e]
            if y is None:
                y = torch.zeros(len(rows), D, dtype=out.dtype)
            y = y.index_add(0, token, out * weight[token, choice][:, None].to(out.dtype))
        return y


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(a.vocab, D)
        self.layers = nn.ModuleList()
        for block in range(a.layers):
            self.layers.append(Attention())
            self.layers.append(SparseFeedForward() if a.moe and block % 2 == 0 else FeedForward())
        self.norms = nn.ModuleList(nn.RMSNorm(D, 1e-6) for _ in self.layers)
        self.norm = nn.RMSNorm(D, 1e-6)

    def forward(self, tokens, targets):
        x = self.embedding(tokens)
        for norm, layer in zip(self.norms, self.layers):
            x = x + layer(norm(x))
        logits = F.linear(self.norm(x), self.embedding.weight)
        return F.cross_entropy(logits.float().view(-1, a.vocab), targets.reshape(-1))


def used_parameters(model):
    """The parameters that a token uses: of the experts two, or one where experts choose."""
    experts = sum(w.numel() for layer in model.layers if isinstance(layer, SparseFeedForward) for w in (layer.up, layer.down))
    unused = experts * (1 - (2 if a.router == "top2" else 1) / a.moe) if a.moe else 0
    return sum(w.numel() for w in model.parameters()) - round(unused)


def main():
    library = resident_bytes("VmRSS")
    model = Decoder()
    step_model = torch.compile(model) if a.compile else model
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW(weights, lr=1e-3, betas=(0.9, 0.95), fused=True)
    data = [torch.randint(a.vocab, (a.batch, T + 1)) for _ in range(8)]
    precision = torch.autocast("cpu", dtype=torch.bfloat16) if a.dtype == "bf16" else contextlib.nullcontext()

    def step(i):
        tokens = data[i % 8]
        with precision:
            loss = step_model(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    begin = time.perf_counter()
    for i in range(a.warmup):
        if i < 2 or time.perf_counter() - begin < 30:  # the first may compile
            step(i)
    forget_peak()  # what compiling took is not what steps take
    times = []
    while len(times) < a.steps or sum(times) < a.seconds:
        begin = time.perf_counter()
        step(len(times))
        times.append(time.perf_counter() - begin)
    peak = resident_bytes("VmHWM")
    state = sum(w.numel() * 4 * 4 for w in weights)  # weights, gradients, two moments
    times.sort()
    n = used_parameters(model)
    flop = (6 * n + 12 * a.layers * D * T) * a.batch * T
    print(json.dumps(dict(best_ms=round(times[0] * 1e3, 3), median_ms=round(times[len(times) // 2] * 1e3, 3),
                          tokens_per_second=round(a.batch * T / times[0]), gflops=round(flop / times[0] * 1e-9, 1), parameters=n,
                          peak_resident_bytes=peak, library_bytes=library, state_bytes=state,
                          torch=torch.__version__)))


if __name__ == "__main__":
    main()
