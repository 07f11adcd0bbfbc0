from napari_umis_fusion.errors import AutofocusError
from napari_umis_fusion.live import FocusMeasured, FocusRegion, iter_autofocus, simulated_core

core = simulated_core("bumps")
region = FocusRegion.around(row=200, column=320, side_px=100, shape=(512, 512))
events = iter_autofocus(core, region=region, search="brent", range_um=60)
try:
    for event in events:  # events.close() cancels: the stage moves back
        if isinstance(event, FocusMeasured):
            print(f"{event.height_um:8.2f} µm  {event.value:.4g}")
except AutofocusError as error:  # no focus was found: the stage is back where it was
    print(error, len(error.values), "points of the curve")
