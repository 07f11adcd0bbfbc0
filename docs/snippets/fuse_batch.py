from napari_umis_fusion.batch import BatchOptions, StackEnded, find_stacks, iter_batch

for stack in find_stacks("stacks/").stacks:
    print(stack.name, len(stack.files), "files")

options = BatchOptions(index_map=True)
for event in iter_batch("stacks/", "results", options=options, focus_measure="laplacian"):
    if isinstance(event, StackEnded):
        print(event.entry.name, event.entry.status, event.entry.seconds, event.entry.reason)
