"""All that is stored of one vehicle: found, exported, erased."""
