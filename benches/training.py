"""A training step of the same network in PyTorch, run alternately with this project's own.

Usage: training.py STEP OUT, where STEP is the built `step` benchmark; writes medians as JSON.
Both on one thread: batch of 32 segments of equal length, forward, backward, gradient clipping, Muon for
matrices and AdamW for vectors, weight averaging."""

import json
import os
import subprocess
import sys

os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")

import torch
from torch import nn

from turns import in_turns, milliseconds

SECONDS = 3
BATCH = 32
FRAMES = [60, 124, 188]
MELS, SIDES, CLASSES = 64, 3, 8


class Network(nn.Module):
    """training/src/network, without the features' rotation."""

    def __init__(self):
        super().__init__()
        self.conv = nn.ModuleList([
            nn.Conv2d(1, 16, (5, 3), (2, 2), (2, 1), bias=False),
            nn.Conv2d(16, 32, 3, (2, 2), 1, bias=False),
            nn.Conv2d(32, 48, 3, (1, 2), 1, bias=False),
        ])
        self.norm = nn.ModuleList([nn.BatchNorm2d(channels) for channels in (16, 32, 48)])
        self.projection = nn.Linear(48 * 8 + SIDES, 96, bias=False)
        self.projection_norm = nn.BatchNorm1d(96)
        self.lstm = nn.LSTM(96, 128, batch_first=True)
        self.attention = nn.Sequential(nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, 4, bias=False))
        self.hidden = nn.Linear(256, 64, bias=False)
        self.hidden_norm = nn.BatchNorm1d(64)
        self.output = nn.Linear(64, CLASSES)

    def forward(self, mel, sides):
        x = mel[:, None]
        for conv, norm in zip(self.conv, self.norm):
            x = torch.relu(norm(conv(x)))
        x = x.permute(0, 2, 3, 1).flatten(2)
        sides = nn.functional.avg_pool1d(sides.transpose(1, 2), 4).transpose(1, 2)
        x = self.projection(torch.cat([x, sides], 2))
        x = torch.relu(self.projection_norm(x.transpose(1, 2)).transpose(1, 2))
        x, _ = self.lstm(x)
        weights = torch.softmax(self.attention(x), 1).repeat_interleave(32, 2)
        mean = (weights * x).sum(1)
        deviation = ((weights * (x - mean[:, None]) ** 2).sum(1) + 1e-5).sqrt()
        x = torch.relu(self.hidden_norm(self.hidden(torch.cat([mean, deviation], 1))))
        return self.output(x)


class Muon:
    """As training/src/learning/optimizer.rs, in single precision."""

    def __init__(self, matrices, rate, decay):
        self.matrices, self.rate, self.decay = matrices, rate, decay
        self.means = [torch.zeros_like(matrix) for matrix in matrices]

    @torch.no_grad()
    def step(self):
        torch._foreach_lerp_(self.means, [matrix.grad for matrix in self.matrices], 0.05)
        for matrix, mean in zip(self.matrices, self.means):
            x = mean.lerp(matrix.grad, 0.05).flatten(1)
            tall = x.shape[0] > x.shape[1]
            x = x.T if tall else x
            x = x / x.norm()
            length = 0.4 * self.rate * max(x.shape) ** 0.5
            for _ in range(5):
                gram = x @ x.T
                x = 3.4445 * x + torch.addmm(gram, gram, gram, beta=-4.775, alpha=2.0315) @ x
            matrix.mul_(1 - self.rate * self.decay).sub_((x.T if tall else x).reshape(matrix.shape), alpha=length)


def pytorch(frames):
    """Returns a function that performs one step."""
    torch.manual_seed(1)
    network = Network().train()
    average = [parameter.detach().clone() for parameter in network.parameters()]
    matrices = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in network.parameters() if parameter.ndim == 1]
    optimizers = [Muon(matrices, 1e-3, 1e-2), torch.optim.AdamW(vectors, lr=1e-3, weight_decay=0)]
    mel, sides = torch.randn(BATCH, frames, MELS), torch.randn(BATCH, frames, SIDES)
    labels = torch.arange(BATCH) % CLASSES

    def step():
        loss = nn.functional.cross_entropy(network(mel, sides), labels, label_smoothing=0.1)
        network.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        for optimizer in optimizers:
            optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(network.parameters()), 0.01)

    return step


def ours(bench, frames):
    """Milliseconds of the project's own step."""
    run = subprocess.run([bench, str(BATCH), str(frames), str(SECONDS)], check=True, capture_output=True, text=True)
    return float(run.stdout)


def main():
    bench, out = sys.argv[1:]
    torch.set_num_threads(1)
    results = {}
    for frames in FRAMES:
        step = pytorch(frames)
        step()
        results[frames] = in_turns(lambda: ours(bench, frames), lambda: milliseconds(step, SECONDS))
        print(f"{frames:>4} frames: {results[frames]['ours_ms']:.1f} ms, PyTorch {results[frames]['other_ms']:.1f} ms "
              f"({results[frames]['times']:.2f} times as long)")
    with open(out, "w") as file:
        json.dump({"torch": torch.__version__, "batch": BATCH, "frames": results}, file, indent=1)


main()
