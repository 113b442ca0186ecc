"""How are sums of squares minimized? `least_squares`, one problem or thousands, and a file for each method."""
