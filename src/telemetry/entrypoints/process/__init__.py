"""What every process needs: settings, wiring, log, screen, command line."""
