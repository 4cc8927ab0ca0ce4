"""What the README's numbers come from: the service, a bare control and the tutorial way, side by side.

Run it with `deals bench`, or as `python -m benchmarks` in this folder's parent. Names of other machines' speed mean
little; the ratios between the contestants of one run are what to look at.
"""
