"""Extensions of the image files that are read."""

TIFF_SUFFIXES = (
    *(".tif", ".tiff", ".btf", ".tf2", ".tf8", ".stk", ".lsm"),
    *(".svs", ".ndpi", ".scn", ".qptiff"),
)
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
SUFFIXES = (*TIFF_SUFFIXES, *IMAGE_SUFFIXES)
