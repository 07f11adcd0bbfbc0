from ._widget import TrainingWidget as TrainingWidget
