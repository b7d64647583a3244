"""What a training tells while it runs and afterwards: measurements, the monitor of absolute rewards, curves, logs."""
