"""Figures of quality: functions of profiles, by scikit-learn's names and definitions where it has them."""
