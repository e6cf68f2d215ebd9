"""An end-of-turn model of the smart-turn v3 kind, as an ONNX file: 8 seconds of sound in, one probability out.

Input `input_features`: Whisper's log-mel features of 8 s of speech at 16 kHz, shape [1, 80, 800]; what is shorter is
filled with silence at its beginning. Output: the probability that the speaker has finished.
Source: https://github.com/pipecat-ai/smart-turn, inference.py of version 3.

All calls share one model and its thread. A question that cannot be answered soon is not answered at all.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from parley.audio.formats import AudioFormat
from parley.audio.g711 import alaw_to_pcm16, mulaw_to_pcm16
from parley.audio.mel import RATE_HZ, log_mel
from parley.audio.resampling import Resampler
from parley.domain.errors import ConfigurationError

HEARS_S = 8.0
_INPUT = "input_features"
_SHAPE = [1, 80, 800]
_MOST_WAITING = 4
_STALE_S = 0.5  # by then a turn has mostly been decided without it

_log = structlog.get_logger()


class OnnxTurnModel:
    """Loads the model at once. Raises ConfigurationError, with what to do, if it cannot be used."""

    hears_s = HEARS_S

    def __init__(self, path: Path) -> None:
        self._session = _open(path)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="turn-model")
        self._lock = threading.Lock()
        self._waiting = 0
        self._is_closed = False

    def judge(self, audio: bytes, audio_format: AudioFormat, tell: Callable[[float], None]) -> None:
        """Call `tell` on the event loop with the probability that the speaker of `audio` has finished at its end.

        Where too many questions wait already, or the answer would come too late, `tell` is never called.
        """
        with self._lock:
            if self._is_closed or self._waiting >= _MOST_WAITING:
                return
            self._waiting += 1
        judging = self._pool.submit(self._judge, audio, audio_format, time.monotonic())
        judging.add_done_callback(partial(self._judged, asyncio.get_running_loop(), tell))

    @property
    def is_busy(self) -> bool:
        """Whether a question is being answered, or waits for that."""
        return self._waiting > 0

    async def aclose(self) -> None:
        """Answer nothing more; who asks is not answered."""
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _judge(self, audio: bytes, audio_format: AudioFormat, asked_at: float) -> float | None:
        """In the thread; None if the answer would come too late."""
        if time.monotonic() - asked_at > _STALE_S:
            return None
        return self.probability(audio, audio_format)

    def _judged(
        self, loop: asyncio.AbstractEventLoop, tell: Callable[[float], None], judging: Future[float | None]
    ) -> None:
        """In the thread, or wherever the model was closed. A call goes on without a verdict, whatever is the matter."""
        with self._lock:
            self._waiting -= 1
        if judging.cancelled():
            return
        if (error := judging.exception()) is not None:
            _log.warning("turn_model_failed", error=type(error).__name__)
        elif (probability := judging.result()) is not None and not math.isnan(probability):
            with suppress(RuntimeError):  # the process is stopping, and its loop is closed
                loop.call_soon_threadsafe(tell, probability)

    def probability(self, audio: bytes, audio_format: AudioFormat) -> float:
        """How probable it is that the speaker has finished; takes tens of milliseconds."""
        features = log_mel(speech(audio, audio_format))
        (found, *_) = self._session.run(None, {_INPUT: features[np.newaxis]})
        return min(max(float(np.asarray(found).reshape(-1)[0]), 0.0), 1.0)


def speech(audio: bytes, audio_format: AudioFormat) -> NDArray[np.float32]:
    """The last 8 s as the model hears them: 16 kHz, from -1 to 1, with silence before what is shorter."""
    decode = {"mulaw": mulaw_to_pcm16, "alaw": alaw_to_pcm16}.get(audio_format.encoding, bytes)
    pcm = decode(audio)
    if audio_format.sample_rate_hz != RATE_HZ:
        resampler = Resampler(audio_format.sample_rate_hz, RATE_HZ)
        pcm = resampler.feed(pcm) + resampler.flush()
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0
    most = int(HEARS_S * RATE_HZ)
    return np.pad(samples[-most:], (max(most - len(samples), 0), 0))


def _open(path: Path) -> Any:
    if not path.is_file():
        raise ConfigurationError(f"PARLEY_TURN_MODEL names no file: there is nothing at {path}.")
    try:
        import onnxruntime
    except ImportError:
        raise ConfigurationError(
            "PARLEY_TURN_MODEL needs the extra turn: install parley with it (pip install 'parley[turn]')."
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ConfigurationError(
            f"PARLEY_TURN_MODEL: {path} cannot be read as an ONNX model ({type(error).__name__})."
        ) from error
    inputs = {one.name: list(one.shape) for one in session.get_inputs()}
    if set(inputs) != {_INPUT} or not _is_shape(inputs[_INPUT]):
        raise ConfigurationError(
            f"PARLEY_TURN_MODEL: {path} is no end-of-turn model of the smart-turn v3 kind: it should take one input,"
            " input_features, of shape [1, 80, 800]."
        )
    return session


def _is_shape(shape: list[object]) -> bool:
    """A size that is a name may be any."""
    fits = [not isinstance(size, int) or size == wanted for size, wanted in zip(shape, _SHAPE, strict=False)]
    return len(shape) == len(_SHAPE) and all(fits)
