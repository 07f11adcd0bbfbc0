from napari_umis_fusion import fuse
from napari_umis_fusion.metrics import false_edge_rate, index_error, psnr, ssim
from napari_umis_fusion.synthetic import make_stack

rendered = make_stack("bars", (128, 160), planes=6, noisy=True)
result = fuse(rendered.stack)

truth, span = rendered.all_in_focus, rendered.data_range
print("PSNR", psnr(result.all_in_focus, truth, data_range=span), "dB")
print("SSIM", ssim(result.all_in_focus, truth, data_range=span))
print(index_error(result.sub_plane_map, rendered.sub_plane_map))
print("false edges", false_edge_rate(result.all_in_focus, rendered.stack))
