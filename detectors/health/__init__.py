"""Objectives of health signals: breached or not, by rule and not by what is usual."""
