"""Members that turned against their circle: one small file for each habit, `cast` lists them."""
