"""``umis-fusion demo``: fuse the sample stack of the package."""

import argparse
from dataclasses import asdict
from typing import Any

from napari_umis_fusion.cli._report import print_json, print_line
from napari_umis_fusion.runtime import user_path


def add_demo_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="Render the sample stack, fuse it, and compare the result with the known truth.",
        description="Render the sample stack, fuse it, and write the all-in-focus image, the "
        "index map, and a picture of the middle plane, the fused image and the truth side by side.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "-o",
        "--output",
        default="umis-fusion-demo",
        metavar="DIR",
        help="Folder for the results (default: %(default)s).",
    )
    parser.set_defaults(run=run_demo_command)


def run_demo_command(arguments: argparse.Namespace) -> None:
    """Run the demo, and print its files and scores."""
    from napari_umis_fusion.cli._demo import run_demo

    report = run_demo(user_path(arguments.output))
    if arguments.json:
        print_json(asdict(report))
        return
    for name, path in report.files.items():
        print_line(f"{name}: {path}")
    print_line(
        f"against the known truth: PSNR {report.psnr_db:.1f} dB (best single plane "
        f"{report.best_plane_psnr_db:.1f} dB), SSIM {report.ssim:.3f}, index map off by "
        f"{report.index_error_planes:.2f} planes on average"
    )
