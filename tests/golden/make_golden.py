"""Computes the reference numbers that tests/golden.rs compares the front end with.

    python3 -m venv .tools/golden && .tools/golden/bin/pip install "librosa==0.11.0" "scipy<2" "numpy<3"
    .tools/golden/bin/python tests/golden/make_golden.py

Writes next to itself, all little-endian and row-major:

    speech.s16    16 kHz mono, 1.5 s: synthetic speech with silence around it (see `speech`)
    window.f32    [512]      periodic Hann window
    power.f32     [T/8, 257] power spectrum over the window's energy, of every 8th frame
    mel.f32       [64, 257]  mel filterbank
    log_mel.f32   [T, 64]    ln(mel power + 1e-10)
    mfcc.f32      [T, 64]    orthonormal DCT-II of log_mel
    f0.f32        [T]        Hz by probabilistic YIN, 0 where it finds no voice

Everything is computed in float64 and rounded to float32 at the end. This matters: librosa's mel
filters are float32 by default, and its STFT follows the dtype of the signal. To match a streaming
front end it also takes a periodic window, win_length = n_fft, zero padding around a centred
frame, an absolute floor instead of power_to_db's top_db, the HTK mel scale, and filters that sum to 1.

Python is needed only to compute them again; the test reads the files.
"""

from pathlib import Path

import librosa
import numpy as np
import scipy.fft
import scipy.signal

RATE = 16_000
N_FFT = 512
HOP = 256
HERE = Path(__file__).parent


def resonator(signal, hz, bandwidth_hz):
    """Second-order resonance with unit gain at 0 Hz (Klatt, 1980)."""
    radius = np.exp(-np.pi * bandwidth_hz / RATE)
    b, c = 2 * radius * np.cos(2 * np.pi * hz / RATE), -(radius**2)
    return scipy.signal.lfilter([1 - b - c], [1, -b, -c], signal)


def voiced(f0_hz, formants):
    """Pulses with a falling spectrum at the given pitch, through a vocal tract."""
    phase = np.cumsum(f0_hz / RATE)
    pulses = np.diff(np.floor(phase), prepend=0.0)
    source = scipy.signal.lfilter([1.0], [1, -1.8, 0.81], pulses)
    source = np.diff(source, prepend=0.0)
    for hz, bandwidth_hz in formants:
        source = resonator(source, hz, bandwidth_hz)
    return source / np.abs(source).max()


def speech():
    """0.2 s silence, /a/ falling, /s/, /i/ rising and falling, 0.2 s silence; faint noise throughout."""
    rng = np.random.default_rng(20_261_101)
    glide = np.linspace(0, 1, int(0.45 * RATE))
    a = voiced(190 - 70 * glide, [(730, 80), (1090, 90), (2440, 120), (3500, 200)])
    rise = np.linspace(0, 1, int(0.50 * RATE))
    i = voiced(210 + 60 * np.sin(np.pi * rise), [(290, 60), (2250, 100), (2980, 140), (3700, 200)])
    s = scipy.signal.lfilter(*scipy.signal.butter(2, 4_000, "highpass", fs=RATE), rng.normal(size=int(0.15 * RATE)))
    fade = lambda x: x * np.minimum(1, np.minimum(np.arange(len(x)), np.arange(len(x))[::-1]) / 320)
    silence = np.zeros(int(0.2 * RATE))
    signal = np.concatenate([silence, 0.5 * fade(a), 0.05 * fade(s), 0.3 * fade(i), silence])
    signal = signal + 1e-4 * rng.normal(size=len(signal))
    # Digital silence at the very end, so that the logarithm's floor is compared too.
    signal[-1600:] = 0
    return np.round(signal * 32_767).astype("<i2")


def save(name, values):
    np.asarray(values).astype("<f4").tofile(HERE / name)


def main():
    pcm = speech()
    pcm.tofile(HERE / "speech.s16")
    signal = pcm.astype(np.float64) / 32_768

    window = scipy.signal.get_window("hann", N_FFT, fftbins=True)
    stft = librosa.stft(
        signal, n_fft=N_FFT, hop_length=HOP, window=window, center=True, pad_mode="constant", dtype=np.complex128
    )
    power = np.abs(stft) ** 2 / np.sum(window**2)
    mel = librosa.filters.mel(
        sr=RATE, n_fft=N_FFT, n_mels=64, fmin=50, fmax=8_000, htk=True, norm=1, dtype=np.float64
    )
    log_mel = np.log(mel @ power + 1e-10)
    mfcc = scipy.fft.dct(log_mel, type=2, axis=0, norm="ortho")
    f0, _, _ = librosa.pyin(
        signal, fmin=65, fmax=640, sr=RATE, frame_length=1_024, hop_length=HOP, center=True, pad_mode="constant"
    )

    save("window.f32", window)
    save("power.f32", power.T[::8])
    save("mel.f32", mel)
    save("log_mel.f32", log_mel.T)
    save("mfcc.f32", mfcc.T)
    save("f0.f32", np.nan_to_num(f0, nan=0.0))
    print(f"{len(pcm)} samples, {log_mel.shape[1]} frames, {np.sum(f0 > 0)} of them voiced")


if __name__ == "__main__":
    main()
