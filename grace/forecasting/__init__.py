"""Forecasts of daily figures: how they go on, how surely, and how often such forecasts came true.

Pure functions of a series of days. No files, no database, no clock. What a goal makes of a
forecast, and where the origins are kept from day to day, belong to other rooms.
"""

from grace.forecasting.origins import Origin
from grace.forecasting.outlook import Forecast, Step, forecast

__all__ = ["Forecast", "Origin", "Step", "forecast"]
