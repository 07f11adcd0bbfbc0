"""What the speed benchmark is made of; `harness.processes` says what is measured and how."""
