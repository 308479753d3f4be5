"""The experimental lane: one aggregate query on several worker processes of this host, run by Ray.

It is a process of its own: nobody imports this package, `velaria lane` starts it. The kernel splits
the plan, runs the fragments and merges their partial states; here is only who does what when, how
often it is tried, and how data gets there.
"""
