"""What every program here needs: settings, logs, access control, guarded HTTP, metrics, a clean start and end."""
