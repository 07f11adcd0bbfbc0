"""The UMIS network: its architecture, weights, devices and inference."""
