from napari_umis_fusion import TrainingConfig, train
from napari_umis_fusion.training import StepDone, TrainingStarted, Validated

config = TrainingConfig(steps=4, validate_every=2, batch=8, patch_px=32)  # a try: seconds
for event in train("photographs/", config, state="weights.state"):
    match event:
        case TrainingStarted():
            print(event.training_images, "images; left out:", *event.left_out)
        case StepDone():
            print(f"step {event.step} of {event.total_steps}: {event.losses['total']:.2f}")
        case Validated():
            print(f"PSNR {event.metrics['psnr']:.1f} dB", "best so far" * event.is_best)
result = event.result  # of TrainingFinished, the last event
result.save("weights.safetensors")
