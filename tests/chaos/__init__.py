"""Proof by killing: a program that is killed at random moments, and who kills, restarts and judges it."""
