"""The tables of ``quality.py``."""

from collections.abc import Sequence

from harness.methods import Method
from harness.scores import PSNR_CAP_DB, RowScores
from harness.summary import best_of, gap_closed, lead, mean_of, selecting
from harness.tables import heading, table

ABSENT = "-"

Rows = Sequence[RowScores]


DEPTH_TABLES = (
    ("mean absolute error, planes", "depth", "{:.3f}", 1),
    ("root mean square error, planes", "depth_rms", "{:.2f}", 1),
    ("within one plane, %", "depth_within", "{:.1f}", 100),
    ("mean error at borders, planes", "depth_border", "{:+.2f}", 1),
    ("staircase, %", "depth_staircase", "{:.0f}", 100),
)
"""Title, metric, format and scale."""


def print_rendered(rows: Rows, methods: Sequence[Method], base: str) -> None:
    """Print all tables of a rendered suite."""
    names = [method.name for method in methods]
    print_metric(f"PSNR, dB (at most {PSNR_CAP_DB:g})", rows, names, "psnr", "{:.2f}")
    print_metric("SSIM", rows, names, "ssim", "{:.4f}")
    mapped = [name for name in names if mean_of(rows[:1], name, "index") is not None]
    print_metric("Index error, planes", rows, mapped, "index", "{:.2f}")
    for title, metric, form, scale in DEPTH_TABLES:
        print_metric(f"Depth of textured pixels: {title}", rows, mapped, metric, form, scale)
    print_usage(rows, names)
    print_best(rows, methods)
    print_summary(rows, methods, base)
    print_failures(rows)


def print_real(rows: Rows, methods: Sequence[Method]) -> None:
    """Print all tables of the real stacks."""
    names = [method.name for method in methods]
    print_metric("False-edge rate, %", rows, names, "false_edges", "{:.3f}", 100)
    title = "Shown focus: the fused image's, up to the best planes', %"
    print_metric(title, rows, names, "shown", "{:.2f}", 100)
    print_usage(rows, names)
    print_failures(rows)


def print_metric(
    title: str, rows: Rows, names: Sequence[str], metric: str, form: str, scale: float = 1
) -> None:
    """Print one metric: rows down, methods across, means last; 8-bit results of more are marked."""

    def cell(row: RowScores, name: str) -> str:
        scores = row.methods.get(name, {})
        if metric not in scores:
            return ABSENT
        mark = " †" if scores["eight_bit"] and row.bits > 8 else ""
        return form.format(scale * scores[metric]) + mark

    cells = [(row.name, *(cell(row, name) for name in names)) for row in rows]
    means = (mean_of(rows, name, metric) for name in names)
    last = (ABSENT if mean is None else form.format(scale * mean) for mean in means)
    print(heading(title))
    print(table(("stack", *names), [*cells, ("**mean**", *last)]))
    if any("†" in word for line in cells for word in line):
        print("\n† gave back 8 bits")


def print_usage(rows: Rows, names: Sequence[str]) -> None:
    """Print time and memory of whole processes, when their results were made."""
    lines = []
    for name in names:
        taken = [row.methods[name] for row in rows if "seconds" in row.methods.get(name, {})]
        if taken:
            seconds = [found["seconds"] for found in taken]
            peak = max(found["peak_mb"] for found in taken)
            mean = sum(seconds) / len(seconds)
            lines.append((name, f"{mean:.2f}", f"{max(seconds):.2f}", f"{peak:.0f}"))
    if lines:
        print(heading("Whole process, from files to file"))
        print(table(("program", "mean s", "longest s", "peak MB"), lines))


def print_best(rows: Rows, methods: Sequence[Method]) -> None:
    """Print the best peer of each row, and how far ahead each of ours is."""
    peers, mine = _of_role(methods, "peer"), _of_role(methods, "ours")
    copying = selecting(rows, peers)
    lines = []
    for row in rows:
        leads = (lead([row], name, peers) for name in mine)
        lines.append(
            (
                row.name,
                *(_named_best(row, among) for among in (peers, copying)),
                *(ABSENT if found is None else f"{found.mean_db:+.2f}" for found in leads),
            )
        )
    print(heading("Best peer of each row, dB, and the lead of ours over it"))
    print(table(("stack", "best peer", "best selecting peer", *mine), lines))
    print(f"\nPeers that select: {', '.join(copying) or 'none'}.")


def _named_best(row: RowScores, among: Sequence[str]) -> str:
    best = best_of(row, among)
    return ABSENT if best is None else f"{best} {row.methods[best]['psnr']:.2f}"


def print_summary(rows: Rows, methods: Sequence[Method], base: str) -> None:
    """Print means, leads and the gap closed, method by method."""
    peers = _of_role(methods, "peer")
    rivals = (peers, selecting(rows, peers), [base])
    lines = []
    for method in methods:
        leads = [ABSENT] * len(rivals)
        if method.role == "ours":
            leads = [_lead_over(rows, method.name, among) for among in rivals]
        closed = gap_closed(rows, method.name, base, "ceiling")
        lines.append(
            (
                method.name,
                _mean(rows, method.name, "psnr", "{:.2f}"),
                _mean(rows, method.name, "ssim", "{:.4f}"),
                *leads,
                ABSENT if closed is None else f"{closed:.0%}",
            )
        )
    print(heading("Summary"))
    heads = (
        *("method", "PSNR", "SSIM", "lead over the best peer", "over the best selecting peer"),
        *(f"over {base}", "gap closed, occlusion clean"),
    )
    print(table(heads, lines))


def _lead_over(rows: Rows, name: str, rivals: Sequence[str]) -> str:
    found = None if name in rivals else lead(rows, name, rivals)
    return ABSENT if found is None else str(found)


def _mean(rows: Rows, name: str, metric: str, form: str) -> str:
    mean = mean_of(rows, name, metric)
    return ABSENT if mean is None else form.format(mean)


def _of_role(methods: Sequence[Method], role: str) -> list[str]:
    return [method.name for method in methods if method.role == role]


def print_failures(rows: Rows) -> None:
    """Print which methods failed where, and with what words."""
    for row in rows:
        for name, words in row.failures.items():
            print(f"\n- {name} failed on {row.name}: {words.strip().splitlines()[-1]}")
