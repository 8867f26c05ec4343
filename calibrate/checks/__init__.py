"""Named checks: may the windows, the machine and the profile be believed?"""
