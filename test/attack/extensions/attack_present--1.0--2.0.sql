-- An update's script is no way out either.
COPY (SELECT 1) TO PROGRAM 'false';
