"""`python -m sensorium`, the same as `sensorium`."""

from sensorium.cli import main

main()
