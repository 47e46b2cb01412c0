"""What `genoform train` does, step by step, in double precision: the same windows of the text, schedule and optimizer."""

import math

import torch

MASK = 2 ** 32 - 1


# --- Data ---------------------------------------------------------------------------------------------------------------

def stream_of(name):
    """FNV-1a of a name: the stream of random numbers of a named thing."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2 ** 64
    return value


def random_bits(seed, stream, index):
    """64 bits of Philox 4x32-10 (Salmon et al., 2011): a pure function of its three arguments."""
    counter = [index & MASK, index >> 32, stream & MASK, stream >> 32]
    key = [seed & MASK, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [(b >> 32) ^ counter[1] ^ key[0], b & MASK, (a >> 32) ^ counter[3] ^ key[1], a & MASK]
        key = [(key[0] + 0x9E3779B9) & MASK, (key[1] + 0xBB67AE85) & MASK]
    return counter[1] << 32 | counter[0]


def windows(tokens, batch, context, seed, step):
    """Inputs and targets [B, T] of a step that counts from 0: random windows, targets one token later."""
    starts = [random_bits(seed, stream_of("batches"), step * batch + row) * (len(tokens) - context) >> 64 for row in range(batch)]
    rows = torch.tensor([tokens[start:start + context + 1] for start in starts])
    return rows[:, :-1], rows[:, 1:]


# --- Learning rate ------------------------------------------------------------------------------------------------------

def cosine(step, steps, warm_up, floor=0.1):
    """Factor of the rate: linear warm-up, then half a cosine down to the floor.  Steps count from 0."""
    wave = 0.5 * (1 + math.cos(math.pi * step / steps))
    return min(1.0, (step + 1) / warm_up) * (floor + (1 - floor) * wave)


def reciprocal_square_root(step, steps, warm_up):
    """Constant for warm_up steps, then falling with the root of the step: the papers' schedule."""
    return math.sqrt(warm_up / max(warm_up, step))


# --- Optimizers ---------------------------------------------------------------------------------------------------------

def decays(model, name):
    """Matrices decay; norms, biases, tables of biases and convolutions do not."""
    table = name.endswith("attention.bias") or (name == "positions.weight" and model.architecture.positions.name == "SharedRelBias")
    return model.get_parameter(name).ndim >= 2 and not name.endswith("dconv") and not table


def gradient_norm(parameters):
    return math.sqrt(sum(p.grad.square().sum().item() for p in parameters))


class AdamW:
    """PyTorch's own, after the gradients are clipped by their global norm."""

    def __init__(self, model, beta1=0.9, beta2=0.95, epsilon=1e-8, decay=0.1, clip=1.0):
        self.parameters, self.clip = list(model.parameters()), clip
        groups = {True: [], False: []}
        for name, parameter in model.named_parameters():
            groups[decays(model, name)].append(parameter)
        self.inner = torch.optim.AdamW([dict(params=groups[True], weight_decay=decay), dict(params=groups[False], weight_decay=0.0)],
                                       betas=(beta1, beta2), eps=epsilon)

    def update(self, step, rate):
        norm = gradient_norm(self.parameters)
        if self.clip and norm > self.clip:
            for p in self.parameters:
                p.grad *= self.clip / norm
        for group in self.inner.param_groups:
            group["lr"] = rate
        self.inner.step()


class Adafactor:
    """Shazeer and Stern, 2018, algorithms 4 to 6, straight from the paper.

    A matrix with both sides of at least `factor_from` keeps its second moments by row and column only, other tensors whole; the
    experts of a stacked tensor are factored one by one.  beta2 = 0: it grows as 1 - t^-0.8 (section 7.2); else it is
    fixed and corrected as Adam's (section 7.1).
    """

    def __init__(self, model, beta1=0.0, beta2=0.0, update_clip=1.0, epsilon1=1e-30, epsilon2=1e-3, relative=True, decay=0.0,
                 factor_from=128):
        self.named = list(model.named_parameters())
        self.beta1, self.beta2, self.update_clip, self.relative, self.decay = beta1, beta2, update_clip, relative, decay
        self.epsilon1, self.epsilon2, self.factor_from = epsilon1, epsilon2, factor_from
        self.decaying = {name for name, _ in self.named if decays(model, name)}
        self.state = {name: {} for name, _ in self.named}

    def average(self, state, key, value, beta):
        state[key] = beta * state.get(key, torch.zeros_like(value)) + (1 - beta) * value
        return state[key]

    def update(self, step, rate):
        """The step `step`, counted from 1."""
        beta2 = 1 - step ** -0.8 if self.beta2 == 0 else self.beta2 * (1 - self.beta2 ** (step - 1)) / (1 - self.beta2 ** step)
        with torch.no_grad():
            for name, w in self.named:
                state, square = self.state[name], w.grad.square() + self.epsilon1
                if w.ndim >= 2 and min(w.shape[-2:]) >= self.factor_from:
                    rows = self.average(state, "rows", square.sum(-1), beta2)                    # R [..., F]
                    columns = self.average(state, "columns", square.sum(-2), beta2)              # C [..., D]
                    second = rows[..., :, None] * columns[..., None, :] / rows.sum(-1)[..., None, None]
                else:
                    second = self.average(state, "second", square, beta2)
                u = w.grad / second.sqrt()
                if self.update_clip:
                    u = u / max(1.0, rms(u) / self.update_clip)
                move = u * (rate * max(self.epsilon2, rms(w)) if self.relative else rate)
                if self.beta1:
                    move = self.average(state, "first", move, self.beta1)
                if name in self.decaying:
                    w *= 1 - rate * self.decay
                w -= move


def rms(x):
    return x.square().mean().sqrt().item()


# --- The loop -----------------------------------------------------------------------------------------------------------

def train(model, optimizer, tokens, steps, batch, context, rate, schedule, seed=1):
    """Yields (main loss in nats, auxiliary loss, norm of the gradient) of each step, all before its update."""
    for step in range(steps):
        model.zero_grad(set_to_none=False)
        _, loss, auxiliary = model.losses(*windows(tokens, batch, context, seed, step))
        (loss + auxiliary).backward()
        for parameter in model.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        norm = gradient_norm(model.parameters())
        optimizer.update(step + 1, rate * schedule(step, steps))
        model.after_step()
        yield loss.item(), auxiliary.item(), norm
