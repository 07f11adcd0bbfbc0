import numpy as np
import onnxruntime

from napari_umis_fusion.models import export_model
from napari_umis_fusion.network import load_checkpoint

checkpoint = load_checkpoint("mine.safetensors")
path = export_model(checkpoint, "mosses.onnx", name="Mosses, 10x", authors=["Ann Lee"])

# From here on neither torch nor this package is needed.
network = onnxruntime.InferenceSession(path)
stack = np.load("stack.npy")  # (Z, Y, X), Y and X multiples of 16
low, high = np.percentile(stack, (0.1, 99.9))
planes = ((stack - low) / (high - low)).astype(np.float32)
select, weigh = network.run(["select", "weigh"], {"planes": planes[np.newaxis]})
index_map = select[0].argmax(axis=0)
fused = np.take_along_axis(stack, index_map[np.newaxis], axis=0)[0]
