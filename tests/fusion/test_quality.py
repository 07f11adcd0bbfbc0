"""How near to the known answer of rendered stacks the fusion comes.

Limits stand about 0.7 dB, 0.005 of SSIM and a quarter of the index error beside what was measured.
"""

import pytest

from napari_umis_fusion import fuse
from napari_umis_fusion.metrics import false_edge_rate, index_error, psnr, ssim
from napari_umis_fusion.synthetic import make_stack

SIZE = (384, 512)


def psnr_db(rendered, image):
    return psnr(image, rendered.all_in_focus, data_range=rendered.data_range)


@pytest.mark.parametrize(
    ("scene", "least_psnr_db", "least_ssim", "most_planes_off"),
    [
        ("bumps", 41.9, 0.991, 0.70),
        ("discs", 37.8, 0.988, 0.30),
        ("bars", 36.7, 0.977, 1.50),
        ("weak_texture", 47.5, 0.992, 0.77),
    ],
)
def test_clean(scene, least_psnr_db, least_ssim, most_planes_off):
    rendered = make_stack(scene, SIZE)
    result = fuse(rendered.stack)
    assert psnr_db(rendered, result.all_in_focus) > least_psnr_db
    assert psnr_db(rendered, result.all_in_focus) > 8 + max(
        psnr_db(rendered, plane) for plane in rendered.stack
    )
    truth, data_range = rendered.all_in_focus, rendered.data_range
    assert ssim(result.all_in_focus, truth, data_range=data_range) > least_ssim
    assert index_error(result.index_map, rendered.sub_plane_map).mean_planes < most_planes_off


def test_weighted_lowers_noise():
    rendered = make_stack("discs", SIZE, noisy=True)
    select, weighted = (
        psnr_db(rendered, fuse(rendered.stack, blend=blend).all_in_focus)
        for blend in ("select", "weighted")
    )
    assert select > 26.0
    assert weighted > select + 1


@pytest.fixture(scope="module")
def hazy():
    return make_stack("bars", SIZE, haze=0.15)


def false_edges(rendered, **options):
    result = fuse(rendered.stack, focus_measure="laplacian", **options)
    return false_edge_rate(result.all_in_focus, rendered.stack)


def test_seams_hide_borders(hazy):
    seams = false_edges(hazy, blend="select")
    assert seams < 0.011
    assert seams < false_edges(hazy, blend="select", verification="none") / 3


def test_weighted_blends_borders(hazy):
    assert false_edges(hazy, blend="weighted") < 0.0025
