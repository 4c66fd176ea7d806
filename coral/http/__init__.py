"""What a process shows of itself over HTTP: health, metrics, systems and incidents.

The loop hands over immutable snapshots (`Board`); the server runs in a thread of its own and reads
nothing else. Whatever it is asked, and however slowly, the loop does not wait for it.
"""
