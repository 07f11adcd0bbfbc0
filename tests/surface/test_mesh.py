import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.surface import mesh_of, surface_area


def area_of(mesh):
    a, b, c = (mesh.vertices_um[mesh.triangles[:, k]].astype(float) for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


@pytest.mark.parametrize("shape", [(4, 4), (10, 11), (50, 7), (101, 100)])
@pytest.mark.parametrize("most", [2, 9, 100, 10**6])
def test_meshes_cover_the_whole_field_within_the_bound(surface_of, shape, most):
    mesh = mesh_of(surface_of(np.arange(np.prod(shape)).reshape(shape)), most_triangles=most)
    assert 1 <= len(mesh.triangles) <= most
    lows, highs = mesh.vertices_um[:, 1:].min(0), mesh.vertices_um[:, 1:].max(0)
    np.testing.assert_allclose(lows, 0)
    np.testing.assert_allclose(highs, (np.array(shape) - 1) * (0.7, 0.5), rtol=1e-6)
    assert mesh.texture.min() > 0
    assert mesh.texture.max() < 1


def test_a_mesh_has_the_area_of_its_surface(surface_of, rough):
    surface = surface_of(rough)
    assert area_of(mesh_of(surface)) == pytest.approx(surface_area(surface).on_surface_um2, 0.02)
    assert area_of(mesh_of(surface_of(np.zeros((20, 30))))) == pytest.approx(19 * 29 * 0.35)


def test_all_triangles_face_up(surface_of, rough):
    mesh = mesh_of(surface_of(rough))
    a, b, c = (mesh.vertices_um[mesh.triangles[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 0] > 0).all()


def test_missing_points_have_neither_vertex_nor_triangle(surface_of, rough):
    mask = np.random.default_rng(1).random(rough.shape) < 0.3
    mesh = mesh_of(surface_of(rough, never_in_focus=mask))
    assert np.isfinite(mesh.vertices_um).all()
    assert np.array_equal(np.unique(mesh.triangles), np.arange(len(mesh.vertices_um)))
    rows, columns = (mesh.vertices_um[:, 1:] / (0.7, 0.5)).round().astype(int).T
    assert not mask[rows, columns].any()
    one = np.zeros((3, 3), bool)
    one[0, 0] = True
    flat = surface_of(np.zeros((5, 5)), never_in_focus=np.pad(one, ((0, 2), (0, 2))))
    assert len(mesh_of(flat).triangles) == 2 * 16 - 1, "a corner takes half a square"


def test_heights_start_at_zero_and_are_stretched(surface_of, rough):
    plain, tall = (mesh_of(surface_of(rough), exaggeration=by) for by in (1, 4))
    assert plain.vertices_um[:, 0].min() == 0
    np.testing.assert_allclose(tall.vertices_um[:, 0], 4 * plain.vertices_um[:, 0], rtol=1e-6)


@pytest.mark.parametrize("options", [{"most_triangles": 1}, {"exaggeration": 0}])
def test_impossible_meshes_are_refused(surface_of, rough, options):
    with pytest.raises(ConfigError, match="accepted"):
        mesh_of(surface_of(rough), **options)


def test_scattered_points_make_no_mesh(surface_of):
    mask = np.ones((20, 20), bool)
    mask[::3, ::3] = False
    with pytest.raises(ConfigError, match="no three neighbouring"):
        mesh_of(surface_of(np.zeros((20, 20)), never_in_focus=mask))
