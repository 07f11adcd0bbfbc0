from napari_umis_fusion.training import StepDone, TrainingFinished, Validated, fine_tune

options = {"steps": 4, "validate_every": 2, "batch": 8, "patch_px": 32}  # a try: seconds
for event in fine_tune(["stacks/beetle", "stacks/moss"], **options):
    match event:
        case Validated(step=0):
            print(f"the start: {event.metrics['psnr']:.2f} dB")
        case StepDone():
            print(f"step {event.step} of {event.total_steps}")
        case TrainingFinished(result):
            if result.improved:
                print(f"better: {result.metrics['psnr']:.2f} dB")
                result.save("mine.safetensors")
