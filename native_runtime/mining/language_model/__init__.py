"""Asking a vision-language model of the user's what is hard about photos. Photos leave the machine, so it is off unless
somebody names an endpoint and agrees.
"""
