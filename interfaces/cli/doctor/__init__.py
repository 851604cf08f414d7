"""`easeboard doctor`: checks the installation and prints how to correct each problem."""
