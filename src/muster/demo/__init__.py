"""`muster demo`: the main job on real data, from nothing, leaving a hub to go on with."""
