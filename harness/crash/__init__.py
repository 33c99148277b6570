"""States that a power cut may leave: a run is traced, its files are modelled, and each state is made."""
