from napari_umis_fusion import FusionConfig
from napari_umis_fusion.compare import compare

found = compare(
    "planes",
    ["default", "thin transmitted", FusionConfig("tenengrad", blend="select")],
    region=((0, 40), (10, 60)),
)
for row in found.sorted_by("shown_focus").rows:
    print(row.name, row.reason or f"{row.seconds:.1f} s, agreement {row.agreement:.0%}")
found.write_csv("comparison.csv")
image = found["thin transmitted"].result.all_in_focus
