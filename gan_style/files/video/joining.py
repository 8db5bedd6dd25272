"""Joining the parts of a video, with the sound and the subtitles of its source: packets are copied, nothing is encoded again."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gan_style.errors import UserError
from gan_style.files.video.codecs import Encoding
from gan_style.files.video.encoding import configure, options_of
from gan_style.files.video.form import Form
from gan_style.files.video.opening import library, opened_video, told
from gan_style.files.video.packets import read_packets, read_times
from gan_style.files.video.scheduling import usual_scheduling

_COPIED = {"audio": "sound", "subtitle": "subtitles"}
_OF_CONTAINER = {"major_brand", "minor_version", "compatible_brands", "encoder"}  # metadata that the muxer writes
_OF_STREAM = {"encoder", "duration"}
_OF_COPY = {"language", "title"}
_LONGEST = 3600  # seconds that a last frame lasts
_FASTSTART = {".mp4", ".m4v", ".mov"}
_WITHOUT_SHAPE = {".mkv", ".webm"}  # PyAV cannot set it there
_WITH_SHAPE = {"libx264", "libx265"}  # encoders that write it into their frames


def join(parts: Sequence[Path], last: int, source: Path, target: Path, form: Form, encoding: Encoding, named: Path) -> list[str]:
    """Write `target` from all parts. Returns what of the source was left out, in words.

    last: duration of the last frame in ticks where the form does not say its end, 0 if unknown
    named: the name of the result, for messages; its suffix chooses the container
    The parts have one encoder and settings. Times of decoding (dts) are the sorted times of the frames, delayed as far as the encoder
    reorders frames.
    """
    av, suffix = library(source), named.suffix
    options = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if suffix.lower() in _FASTSTART else {})
    with opened_video(source, 2**30) as (given, video), _written(named), av.open(str(target), "w", options=options) as output:
        output.metadata.update({key: value for key, value in given.metadata.items() if key.lower() not in _OF_CONTAINER})
        stream = output.add_stream(encoding.codec_for(suffix), rate=form.rate, options=options_of(encoding, suffix))
        configure(stream.codec_context, form, encoding, suffix)
        stream.time_base = form.time_base
        if form.display is not None:
            stream.set_display_matrix(form.display)
        stream.metadata.update({key: value for key, value in video.metadata.items() if key.lower() not in _OF_STREAM})
        copies, left_out = dict[int, Any](), list[str]()
        for each in given.streams:
            context = each.codec_context
            if each.type in _COPIED and context is not None and context.codec.canonical_name in output.supported_codecs:
                copies[each.index] = copy = output.add_stream_from_template(each)
                copy.time_base = each.time_base
                copy.metadata.update({key: value for key, value in each.metadata.items() if key.lower() in _OF_COPY})
            elif each.index != video.index:
                left_out.append(f"{_COPIED.get(each.type, f'a stream of {each.type}')} ({context.name if context else 'unknown'})")
        if form.alpha:
            left_out.append("its alpha")
        if form.shape not in (0, 1) and suffix.lower() in _WITHOUT_SHAPE and stream.codec_context.name not in _WITH_SHAPE:
            left_out.append(f"the shape of its pixels ({form.shape.numerator}:{form.shape.denominator})")
        if chapters := given.chapters():
            output.set_chapters(chapters)
        with usual_scheduling():
            output.start_encoding()
        beside = _packets(source, given, copies) if copies else iter(())
        for packet in heapq.merge(_frames(parts, last, stream, form), beside, key=_when):
            output.mux_one(packet)
    return left_out


@contextmanager
def _written(target: Path) -> Iterator[None]:
    """A full disk in one line."""
    av = library(target)
    try:
        yield
    except av.error.FFmpegError as failure:
        refused = OSError(failure.errno, failure.strerror)
        raise UserError(f"{target}: cannot be written ({failure.strerror}); free the disk, or take another container or codec") from refused


def _frames(parts: Sequence[Path], last: int, stream: Any, form: Form) -> Iterator[Any]:
    """The packets of all parts."""
    av = library(parts[0])
    decoded = [read_times(part) for part in parts]
    times = sorted(time for part in decoded for time in part)
    delay = max(_delay(part) for part in decoded)
    lead = times[delay] - times[0] if len(times) > delay else delay
    said = form.end - times[-1]
    ends = dict(zip(times, [*times[1:], times[-1] + (said if 0 < said < _LONGEST / form.time_base else max(last, 1))], strict=True))
    encoded = (each for part in parts for each in read_packets(part))
    for place, each in enumerate(encoded):
        packet = av.Packet(each.data)
        packet.pts, packet.duration = each.time, ends[each.time] - each.time
        packet.dts = times[place - delay] if place >= delay else times[place] - lead
        packet.is_keyframe, packet.time_base, packet.stream = each.key, form.time_base, stream
        yield packet


def _delay(times: Sequence[int]) -> int:
    """How many frames a frame waits for, at most, between decoding and display. times: in the order of decoding"""
    ranks = {time: rank for rank, time in enumerate(sorted(times))}
    return max(place - ranks[time] for place, time in enumerate(times))


def _packets(source: Path, container: Any, copies: dict[int, Any]) -> Iterator[Any]:
    """The packets of sound and subtitles as the source holds them."""
    with told(source):
        for packet in container.demux([container.streams[index] for index in copies]):
            if packet.size and packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                yield packet


def _when(packet: Any) -> float:
    return float(packet.dts * packet.time_base)
