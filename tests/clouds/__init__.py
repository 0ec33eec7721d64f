"""Servers of this machine that speak as the clouds do, started when a test first asks for one."""
