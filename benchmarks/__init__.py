"""Figures that anyone can reproduce: ``make bench``. Tests never time anything; this does, side by side."""
