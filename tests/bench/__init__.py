"""How fast the simulator is: ratios of one run, against gates. `python -m bench` says how."""
