"""The sync is watched: metrics, alarms, dashboard."""
