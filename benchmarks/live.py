"""How fast fusion follows a camera: frames a second, latency, and time to the result.

See ``README.md`` for what the table means. Everything printed is Markdown.
"""

import argparse
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.live import FieldFinished, FieldUpdated, LiveFusion
from napari_umis_fusion.stack import Plane
from napari_umis_fusion.synthetic import make_stack

PLANES = 20
PACE_FPS = 10.0
CLASSIC = FusionConfig(focus_measure="laplacian")


def planes_of(side: int) -> list[Plane]:
    stack = make_stack("fluorescence", (side, side), planes=PLANES, channels=None).stack
    return list((stack / stack.max() * 4000 + 100).astype(np.uint16))


def send(live: LiveFusion, planes: list[Plane], fps: float) -> threading.Thread:
    plan = [SimpleNamespace(index={"z": z}, action=None) for z in range(len(planes))]
    live.sequenceStarted(plan)  # so many planes will come, as a plan of useq says

    def run() -> None:
        begun = time.monotonic()
        for z, plane in enumerate(planes):
            time.sleep(max(0.0, begun + z / fps - time.monotonic()))
            live.add(plane, {"z": z}, z_um=float(z))
        live.finish()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def sustained(planes: list[Plane]) -> tuple[float, float]:
    """Return the frames a second that pictures keep up with, and processor time of each in ms."""
    live = LiveFusion(CLASSIC, refresh_s=0)
    steps = live.events()
    for z, plane in enumerate(planes):
        live.add(plane, {"z": z})
    begun, used = time.perf_counter(), time.process_time()
    for event in steps:
        if isinstance(event, FieldUpdated) and event.picture.planes == len(planes):
            break
    seconds, used = time.perf_counter() - begun, time.process_time() - used
    steps.close()
    return len(planes) / seconds, 1000 * used / len(planes)


def latencies(planes: list[Plane]) -> list[float]:
    """Return the times from frame to picture at `PACE_FPS`."""
    live = LiveFusion(CLASSIC, refresh_s=0)
    thread = send(live, planes, PACE_FPS)
    found = [event.latency_s for event in live.events() if isinstance(event, FieldUpdated)]
    thread.join()
    return found


def seconds_to_result(planes: list[Plane], config: FusionConfig) -> float:
    live = LiveFusion(config)
    thread = send(live, planes, PACE_FPS)
    (done,) = [event for event in live.events() if isinstance(event, FieldFinished)]
    thread.join()
    return done.seconds


def rows(sides: list[int]) -> Iterator[str]:
    # The first fusion compiles kernels and loads the network.
    small = planes_of(64)
    for config in (CLASSIC, FusionConfig()):
        seconds_to_result(small[:4], config)
    for side in sides:
        planes = planes_of(side)
        late = 1000 * np.percentile(latencies(planes), (50, 95))
        results = [seconds_to_result(planes, config) for config in (CLASSIC, FusionConfig())]
        fps, used_ms = sustained(planes)
        yield (
            f"| {side} x {side} | {fps:.0f} | {used_ms:.0f} | {late[0]:.0f}, {late[1]:.0f} | "
            f"{results[0]:.1f} | {results[1]:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 1024, 2048], metavar="PX")
    arguments = parser.parse_args()
    told = "pictures, 1/s | processor, ms | latency, ms | `laplacian`, s | `learned`, s"
    print(f"| frame, px | {told} |")
    print("|---|---|---|---|---|---|")
    for row in rows(arguments.sides):
        print(row, flush=True)


if __name__ == "__main__":
    main()
