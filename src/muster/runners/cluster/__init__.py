"""What the runners of clusters share: tasks, what an executor does with one, and the driver that hands them out."""
