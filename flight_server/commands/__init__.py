"""The sub-commands of `velaria`, one file each."""
